import type { ClusterName, InstanceName } from '#libs/kernel';
import type { GuardAnswer } from '#libs/protocol';

/** For whom a guard or an agent speaks: only ever from its certificate. */
export type GuardIdentity = { readonly cluster: ClusterName; readonly instance: InstanceName };

/** The way to one guard: its own connection here, or through the follower that it is connected to. */
export interface GuardLink {
  /** `<cluster>/<instance>`, from the certificate. */
  readonly guard: string;
  answer(answer: GuardAnswer): void;
}
