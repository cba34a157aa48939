import { basename } from 'node:path';
import { MANAGED_CONF } from '#libs/postgres-model';
import type { ReachableInstance } from '#libs/postgres-run';
import type { SynchronousFacts } from '../steps/step-context.ts';

const NAMES = 'synchronous_standby_names';

/**
 * What is in force instead of what was proved, in words; null: nothing else. `ALTER SYSTEM` needs a reload
 * only: commits are held by a name that nobody has, or wait for nobody while a failover relies on them.
 */
export function changedByHand(
  { settings }: Pick<ReachableInstance, 'settings'>,
  proved: Pick<SynchronousFacts, 'text'> | null,
): string | null {
  const inForce = settings[NAMES];
  if (proved === null || inForce === undefined) return null;
  const { value, sourceFile } = inForce;
  const isOurs = sourceFile === undefined || basename(sourceFile) === MANAGED_CONF;
  if (value === proved.text && isOurs) return null;
  return `${NAMES} is '${value}' by ${sourceFile ?? 'its default'}, not '${proved.text}'`;
}
