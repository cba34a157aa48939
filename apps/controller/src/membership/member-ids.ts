import { DomainError } from '#libs/kernel';
import { type LogIndex, type Member, type MemberId, seatAt } from '#libs/raft';

/**
 * True when a member had its seat and lost it, as seen in `members`, the newest membership that was
 * applied up to `appliedIndex`. A seat that was given later is not known yet, which is no removal.
 */
export function wasRemoved(
  id: MemberId,
  members: readonly Member[],
  appliedIndex: LogIndex,
): boolean {
  if (id === 0 || members.length === 0 || id > seatAt(appliedIndex)) return false;
  return !members.some((member) => member.id === id);
}

/** This controller's seat is gone; its directory must never be used to vote again. */
export class MemberRemovedError extends DomainError {
  readonly code = 'CONTROLLER_REMOVED';

  constructor(name: string, id: MemberId, index: LogIndex) {
    super(
      `controller '${name}' (member ${id}) was removed from its group at log index ${index}: ` +
        'it stops; to come back it needs an empty state directory and `matriarch controllers add`',
    );
  }
}
