/** Names as in the reports; the last one is the host and, at the same moment, the consensus leader. */
export const FAULTS = [
  'host-death',
  'link-cut',
  'postmaster-kill',
  'manager-kill',
  'manager-stop',
  'guard-kill',
  'controller-kill',
  'switchover',
  'host-and-leader-death',
] as const;
export type Fault = (typeof FAULTS)[number];

export const SYSTEMS = ['matriarch', 'patroni', 'patroni-fast', 'pgaf'] as const;
export type SystemName = (typeof SYSTEMS)[number];

export const MODES = ['async', 'sync', 'quorum'] as const;
export type Mode = (typeof MODES)[number];
