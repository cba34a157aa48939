/** How to name an operator's certificate to a command, and how to come by one. */
export const NAME_CERTIFICATE =
  'give --certs DIRECTORY, or --cert operator-NAME.crt --key operator-NAME.key --ca ca.crt ' +
  '(MATRIARCH_CERT, MATRIARCH_KEY, MATRIARCH_CA)';

export const CERTIFICATE_ADVICE =
  `${NAME_CERTIFICATE}. \`matriarch certs init --directory DIRECTORY\` makes an authority, ` +
  '`matriarch certs issue --directory DIRECTORY --role operator --name NAME` a certificate';
