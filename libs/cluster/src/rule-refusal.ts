import type { InstanceName } from '#libs/kernel';

/** One rule that refused, with the value it saw and the limit it holds. */
export type RuleRefusal = {
  readonly instance: InstanceName | null;
  readonly rule: string;
  readonly value: string;
  readonly limit: string;
};
