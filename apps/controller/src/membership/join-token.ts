import type { MemberId } from '#libs/raft';

/**
 * Ties one directory to one admission: `<name>.<member id>.<group id>`. Who asks is proved by its
 * certificate, not by this.
 */
export type JoinToken = {
  readonly name: string;
  readonly memberId: MemberId;
  readonly groupId: string;
};

export function joinTokenText({ name, memberId, groupId }: JoinToken): string {
  return `${name}.${memberId}.${groupId}`;
}

/** Null when the text is no token. */
export function parseJoinToken(text: string): JoinToken | null {
  const match = /^([a-z][a-z0-9_-]{0,39})\.(\d{1,15})\.([0-9a-f]{16})$/.exec(text);
  const [, name, memberId, groupId] = match ?? [];
  if (name === undefined || memberId === undefined || groupId === undefined) return null;
  return { name, memberId: Number(memberId), groupId };
}
