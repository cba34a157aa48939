/**
 * What PostgreSQL refuses in a line of `pg_hba.conf` (`parse_hba_line` in hba.c), so that no such line
 * reaches a file: one bad line makes it ignore the whole file at a reload, and not start at all.
 */
const METHODS = [
  ...['trust', 'reject', 'scram-sha-256', 'md5', 'password', 'gss', 'ident', 'peer'],
  ...['ldap', 'radius', 'cert', 'pam', 'oauth'],
];

/** Which methods take an option; null: every one. */
const OPTIONS: Readonly<Record<string, readonly string[] | null>> = {
  map: ['ident', 'peer', 'gss', 'cert', 'oauth'],
  clientcert: null,
  clientname: null,
  pamservice: ['pam'],
  pam_use_hostname: ['pam'],
  ...Object.fromEntries(
    [
      ...['ldapurl', 'ldaptls', 'ldapscheme', 'ldapserver', 'ldapport', 'ldapbinddn'],
      ...['ldapbindpasswd', 'ldapsearchattribute', 'ldapsearchfilter', 'ldapbasedn'],
      ...['ldapprefix', 'ldapsuffix'],
    ].map((name) => [name, ['ldap']]),
  ),
  krb_realm: ['gss'],
  include_realm: ['gss'],
  ...Object.fromEntries(
    ['radiusservers', 'radiusports', 'radiussecrets', 'radiusidentifiers'].map((name) => [
      name,
      ['radius'],
    ]),
  ),
  ...Object.fromEntries(
    ['issuer', 'scope', 'validator', 'delegate_ident_mapping'].map((name) => [name, ['oauth']]),
  ),
};

/** Null when PostgreSQL takes them: what follows the connection type, as it was split at blanks. */
export function problemOfFields(connection: string, fields: readonly string[]): string | null {
  const [databases, users, ...after] = fields;
  if (databases === undefined) return 'it ends before the database';
  if (users === undefined) return 'it ends before the user';
  const file = [...databases.split(','), ...users.split(',')].find((name) =>
    name.trim().startsWith('@'),
  );
  if (file !== undefined) return `the file of '${file}' is not managed: give the names themselves`;
  const place = connection === 'local' ? { rest: after, problem: null } : takeAddress(after);
  if (place.problem !== null) return place.problem;
  const [method, ...options] = place.rest;
  if (method === undefined) return 'it ends before the method';
  return (
    severalIn('method', method) ??
    methodProblem(connection, unquoted(method)) ??
    optionProblem(connection, unquoted(method), options)
  );
}

type Taken = { readonly rest: readonly string[]; readonly problem: string | null };

function takeAddress([text, ...rest]: readonly string[]): Taken {
  if (text === undefined) return { rest, problem: 'it ends before the address' };
  const several = severalIn('address', text);
  if (several !== null) return { rest, problem: several };
  const address = unquoted(text);
  if (['all', 'samehost', 'samenet'].includes(text)) return { rest, problem: null };
  const [ip = '', mask, more] = address.split('/');
  const bits = bitsOf(ip);
  if (bits === null) {
    if (mask !== undefined) return { rest, problem: `'${address}' is no network` };
    return { rest, problem: null };
  }
  if (mask !== undefined) {
    const fits = more === undefined && /^\d{1,3}$/.test(mask) && Number(mask) <= bits;
    return { rest, problem: fits ? null : `'${address}': a mask is a number up to ${bits}` };
  }
  const [separate, ...others] = rest;
  if (separate === undefined || bitsOf(unquoted(separate)) !== bits) {
    const problem = `the address '${ip}' needs a mask: write ${ip}/${bits} for this one`;
    return { rest, problem };
  }
  return { rest: others, problem: null };
}

/** 32 or 128; null when it is no address, and then the name of a host. */
function bitsOf(text: string): 32 | 128 | null {
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(text)) {
    return text.split('.').every((part) => Number(part) <= 255) ? 32 : null;
  }
  return /^[0-9a-f:]*:[0-9a-f:.]*$/i.test(text) ? 128 : null;
}

function methodProblem(connection: string, method: string): string | null {
  if (!METHODS.includes(method)) return `'${method}' is no authentication method`;
  if (method === 'peer' && connection !== 'local') return 'peer is for local connections only';
  if (method === 'gss' && connection === 'local') return 'gss is not for local connections';
  if (method === 'cert' && connection !== 'hostssl') return 'cert is for hostssl connections only';
  return null;
}

function optionProblem(
  connection: string,
  method: string,
  options: readonly string[],
): string | null {
  const given = new Map<string, string>();
  for (const option of options.map(unquoted)) {
    const at = option.indexOf('=');
    if (at < 1) return `'${option}' is no name=value option`;
    const name = option.slice(0, at);
    const methods = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (methods === undefined) return `'${name}' is no option`;
    if (methods !== null && !methods.includes(method)) {
      return `'${name}' is an option of ${methods.join(', ')} only`;
    }
    given.set(name, option.slice(at + 1));
  }
  return certificateProblem(connection, method, given) ?? missingOption(method, given);
}

function certificateProblem(
  connection: string,
  method: string,
  given: ReadonlyMap<string, string>,
): string | null {
  const [wanted, name] = [given.get('clientcert'), given.get('clientname')];
  const asked = wanted ?? name;
  if (asked !== undefined && connection !== 'hostssl') {
    return 'clientcert and clientname are for hostssl connections only';
  }
  if (wanted !== undefined && !['verify-ca', 'verify-full'].includes(wanted)) {
    return `clientcert is verify-ca or verify-full, not '${wanted}'`;
  }
  if (wanted === 'verify-ca' && method === 'cert') return 'cert always asks for verify-full';
  return name === undefined || ['CN', 'DN'].includes(name) ? null : 'clientname is CN or DN';
}

function missingOption(method: string, given: ReadonlyMap<string, string>): string | null {
  const needs = (...names: string[]) => names.find((name) => !given.has(name));
  if (method === 'radius') {
    const missing = needs('radiusservers', 'radiussecrets');
    return missing === undefined ? null : `radius needs ${missing}`;
  }
  if (method !== 'ldap' || given.has('ldapurl')) return null;
  if (!given.has('ldapserver') && !given.has('ldapbasedn')) return 'ldap needs ldapserver';
  const simple = given.has('ldapprefix') || given.has('ldapsuffix');
  if (simple || given.has('ldapbasedn')) return null;
  return 'ldap needs ldapbasedn, ldapprefix or ldapsuffix';
}

function severalIn(what: string, field: string): string | null {
  return /,/.test(field.replace(/"[^"]*"/g, '')) ? `it has several values for the ${what}` : null;
}

function unquoted(field: string): string {
  return field.replace(/"((?:[^"]|"")*)"/g, (_all, inner: string) => inner.replaceAll('""', '"'));
}
