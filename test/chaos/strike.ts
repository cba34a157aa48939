/** What chaos may do, as data: a seed draws it, a run carries it out. */

/** Who stands where at the moment of the strike; there are two standbys and two followers. */
export const DATABASE_ROLES = ['primary', 'standby', 'other-standby'] as const;
export const CONTROLLER_ROLES = ['leader', 'follower', 'other-follower'] as const;
export const ROLES = [...DATABASE_ROLES, ...CONTROLLER_ROLES] as const;
export type DatabaseRole = (typeof DATABASE_ROLES)[number];
export type ControllerRole = (typeof CONTROLLER_ROLES)[number];
export type Role = (typeof ROLES)[number];

export const INSTANCE_PARTS = ['postmaster', 'agent', 'guard', 'agent+guard'] as const;
export type InstancePart = (typeof INSTANCE_PARTS)[number];

export type Strike =
  /** kill -9; supervisors and agents start again what they own. */
  | { readonly kind: 'kill'; readonly what: InstancePart; readonly on: DatabaseRole }
  | { readonly kind: 'kill-controllers'; readonly which: readonly ControllerRole[] }
  /** SIGSTOP, and SIGCONT at the end. */
  | { readonly kind: 'stop'; readonly what: InstancePart; readonly on: DatabaseRole }
  | { readonly kind: 'stop-controllers'; readonly which: readonly ControllerRole[] }
  /** The cables first, then every process at once; back at the end. */
  | { readonly kind: 'power-off'; readonly hosts: readonly Role[] }
  | { readonly kind: 'cut'; readonly hosts: readonly Role[] }
  | { readonly kind: 'one-way'; readonly from: Role; readonly to: Role }
  /** Between these hosts and all others; a client still reaches every database. */
  | { readonly kind: 'partition'; readonly group: readonly Role[] }
  | { readonly kind: 'disk-full'; readonly on: DatabaseRole }
  /** Of the wall clock of one host; back at the end. */
  | { readonly kind: 'clock-step'; readonly on: Role; readonly seconds: number }
  | { readonly kind: 'switchover' };

export type TimedStrike = Strike & {
  /** After the strike before it. */
  readonly afterMs: number;
  readonly holdMs: number;
};

/** In a few words, for the log of a run and for what it counts. */
export function strikeText(strike: Strike): string {
  switch (strike.kind) {
    case 'kill':
    case 'stop':
      return `${strike.kind} ${strike.what} of ${strike.on}`;
    case 'kill-controllers':
    case 'stop-controllers':
      return `${strike.kind} ${strike.which.join(' ')}`;
    case 'power-off':
    case 'cut':
      return `${strike.kind} ${strike.hosts.join(' ')}`;
    case 'one-way':
      return `one-way ${strike.from} to ${strike.to}`;
    case 'partition':
      return `partition ${strike.group.join(' ')}`;
    case 'clock-step':
      return `clock-step of ${strike.on} by ${strike.seconds} s`;
    default:
      return strike.kind;
  }
}
