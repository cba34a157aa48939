import { codeOf } from '#libs/kernel';

/** OpenSSL's words for certificates that do not fit together, in ours; null for anything else. */
export function trustProblem(cause: unknown): string | null {
  switch (typeof cause === 'string' ? cause : codeOf(cause)) {
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'CERT_SIGNATURE_FAILURE':
      return 'its certificate comes from another authority than ours (tls.ca): is it of this group?';
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
      return 'it does not trust our certificate: it comes from another authority than its own';
    case 'CERT_HAS_EXPIRED':
      return "its certificate has expired: issue it anew with 'matriarch certs issue'";
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid yet: compare the clocks of both hosts';
    default:
      return null;
  }
}
