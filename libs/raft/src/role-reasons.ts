/** Why a member became what it is: for the one who reads its log in the night, and for nothing that decides. */
export type RoleReason =
  | 'started'
  | 'the leader was not heard for an election timeout'
  | 'the process of the leader ended'
  | 'the leader handed over'
  | 'a majority voted for it'
  | 'it got no majority'
  | 'another one got its vote'
  | 'a leader of its term was heard'
  | 'a newer term began elsewhere'
  | 'it handed over'
  | 'no majority answered for an election timeout'
  | 'its disk hangs'
  | 'it is no voter any more'
  | 'its state is not to be trusted';
