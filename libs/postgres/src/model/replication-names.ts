import { assert, type ClusterName, DomainError, type InstanceName } from '#libs/kernel';

/** PostgreSQL cuts names at this many bytes; ours are ASCII, so bytes are characters. */
const NAME_LIMIT_BYTES = 63;

export class DataIdError extends DomainError {
  readonly code = 'DATA_ID_INVALID';

  constructor(text: string) {
    super(`'${text}' is no data id: 4 to 16 lower-case letters or digits`);
  }
}

/** Slot names allow no hyphen; a name that had one gets a mark, so that `a-b` and `a_b` differ. */
export function slotNameOf(instance: InstanceName): string {
  if (!instance.includes('-')) return instance;
  const name = `${instance.replaceAll('-', '_')}_${fingerprint(instance)}`;
  assert(name.length <= NAME_LIMIT_BYTES, 'a slot name is not cut', { name });
  return name;
}

export type DataDirectoryName = {
  readonly cluster: ClusterName;
  readonly instance: InstanceName;
  /** Random, made at clone, rebuild or adoption: a copy of a member is not the member. */
  readonly dataId: string;
};

/**
 * The `application_name` of a standby's receiver, unique to one data directory (safety 14).
 *
 * @throws DataIdError
 */
export function applicationNameOf({ cluster, instance, dataId }: DataDirectoryName): string {
  if (!/^[a-z0-9]{4,16}$/.test(dataId)) throw new DataIdError(dataId);
  const whole = `${cluster}/${instance}`;
  const room = NAME_LIMIT_BYTES - dataId.length - 1;
  if (whole.length <= room) return `${whole}/${dataId}`;
  const mark = `~${fingerprint(whole)}`;
  return `${whole.slice(0, room - mark.length)}${mark}/${dataId}`;
}

/** FNV-1a of 32 bits: tells names apart, protects nothing. */
function fingerprint(text: string): string {
  let hash = 0x811c_9dc5;
  for (let position = 0; position < text.length; position += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x0100_0193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
