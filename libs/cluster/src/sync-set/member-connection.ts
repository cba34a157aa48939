/** Whose connection a walsender's is, as far as name and address tell (safety 14). */

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)$/i;

/** False for a host name, whose addresses are another question. */
export function isAddress(host: string): boolean {
  return ADDRESS.test(host);
}

/** Null when that cannot be told: of a host name, or over a Unix socket. */
export function isFrom(own: string, seen: string | null): boolean | null {
  return seen === null || !isAddress(own) ? null : sameAddress(own, seen);
}

export function sameAddress(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(address: string): string {
  return address.toLowerCase().replace(/^::ffff:/, '');
}

/** As PostgreSQL compares names in `synchronous_standby_names`: capital letters are no difference. */
export function isNamed(applicationName: string, name: string | undefined): boolean {
  return applicationName.toLowerCase() === name?.toLowerCase();
}
