import { unreachable } from '#libs/kernel';
import type { Refusal } from '#libs/raft';

/** Why the consensus machine refuses a change of `about`, and what to do. */
export function refusalText(refusal: Refusal, about = 'the controller'): string {
  switch (refusal) {
    case 'notLeader':
    case 'notServing':
    case 'transferring':
      return 'leadership is just changing hands: try again';
    case 'tooMuchUncommitted':
      return 'too much waits for a majority: try again when the controllers keep up';
    case 'membershipChangePending':
      return 'another change of the membership is under way: try again when it is complete';
    case 'invalidMembership':
      return `${about} is not in the place that this needs: see \`matriarch controllers list\``;
    case 'targetNotVoter':
      return `${about} is no voter, and only a voter can lead: wait until it is one`;
    case 'targetBehind':
      return (
        `${about} does not answer, or lacks too much of the log: ` +
        'see LAG in `matriarch controllers list`, start it or wait'
      );
    case 'wouldLoseQuorum':
      return (
        'the voters that answer now would be no majority afterwards: ' +
        'start those that are down, or add a new one first'
      );
    default:
      return unreachable(refusal);
  }
}
