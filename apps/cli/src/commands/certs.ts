import { codeOf } from '#libs/kernel';
import type { PeerRole } from '#libs/protocol';
import { createAuthority, issueCertificate, openAuthority } from '#libs/transport';
import { UsageError } from '../cli-error.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { nowMs } from '../system-clock.ts';

export const ROLES = ['controller', 'agent', 'guard', 'operator'] as const satisfies PeerRole[];

export type IssueOptions = {
  readonly directory: string;
  readonly role: (typeof ROLES)[number];
  readonly name: string;
  readonly host: readonly string[];
  /** Where the files go; beside the authority by default. */
  readonly into?: string;
};

export async function initAuthority(directory: string): Promise<Outcome> {
  try {
    const { groupId, caPath } = await createAuthority({ directory, now: nowMs() });
    const text =
      `certificate authority ${caPath} made for group ${groupId}\n` +
      'keep ca.key off the hosts of controllers and databases: it is needed to issue only';
    return { exitCode: EXIT.held, text, result: { ok: true, groupId, ca: caPath } };
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause;
    const way = 'issue from it, or choose another directory';
    throw new UsageError(`${directory} holds a certificate authority already: ${way}`, { cause });
  }
}

export async function issue(options: IssueOptions): Promise<Outcome> {
  const { directory, role, name, host, into } = options;
  checkName(role, name);
  const authority = await openAuthority(directory).catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT') throw cause;
    const way = `\`matriarch certs init --directory ${directory}\` makes one`;
    throw new UsageError(`${directory} holds no certificate authority: ${way}`, { cause });
  });
  const issued = await issueCertificate({
    ...{ authority, role, name, hosts: host, now: nowMs() },
    ...(into === undefined ? {} : { directory: into }),
  });
  const { caPath: ca, certPath: certificate, keyPath: key } = issued;
  const text = `${role} certificate of ${name}:\n  ca: ${ca}\n  certificate: ${certificate}\n  key: ${key}`;
  return { exitCode: EXIT.held, text, result: { ok: true, ca, certificate, key } };
}

/** A wrong name would only show when the first link is refused. */
function checkName(role: string, name: string): void {
  const isInstance = role === 'agent' || role === 'guard';
  const part = '[a-z][a-z0-9_-]{0,39}';
  const rule = new RegExp(isInstance ? `^${part}/${part}$` : '^[a-z0-9][a-z0-9_.-]{0,99}$');
  if (rule.test(name)) return;
  const form = isInstance
    ? 'CLUSTER/INSTANCE, as in main/pg1'
    : 'lower-case letters, digits, - or _';
  throw new UsageError(`--name ${name} is no name for a ${role}: use ${form}`);
}
