import type { ClusterState, MemberRecord } from '#libs/cluster';
import { ApiProblem } from './api-problem.ts';

/** @throws ApiProblem UNKNOWN_INSTANCE, which says which there are */
export function knownInstance({ name, members }: ClusterState, text: string): MemberRecord {
  const member = Object.hasOwn(members, text) ? members[text] : undefined;
  if (member !== undefined) return member;
  const names = Object.keys(members);
  const known =
    names.length === 0
      ? 'it has none yet, they join when their agents start'
      : `name one of ${names.join(', ')}`;
  const detail = `'${text.slice(0, 100)}' is not an instance of ${name}: ${known}`;
  throw new ApiProblem('UNKNOWN_INSTANCE', detail);
}
