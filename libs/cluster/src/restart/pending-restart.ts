import { CAPACITY_SETTINGS } from './capacity-settings.ts';

export type PendingRestart = {
  readonly name: string;
  /** In force now. */
  readonly running: string;
  /** In force after a restart. */
  readonly configured: string;
};

/** Of the primary: a setting gets smaller, so the primary goes first. */
export function shrinks({ name, running, configured }: PendingRestart): boolean {
  const names: readonly string[] = CAPACITY_SETTINGS;
  return names.includes(name) && Number(configured) < Number(running);
}
