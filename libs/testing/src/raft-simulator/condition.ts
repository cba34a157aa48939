import { PROTOCOL_MAX } from '#libs/protocol';

/** What outlives a restart. */
export type Condition = {
  /** The highest level of the protocol that its version speaks. */
  speaks: number;
  /** Its state went wrong, in this life or an earlier one. */
  spoiled: boolean;
  isolated: string | null;
};

export function soundMember(speaks: number = PROTOCOL_MAX): Condition {
  return { speaks, spoiled: false, isolated: null };
}
