/**
 * Given / when / then for two clusters of one data under the same controllers: `main` writes, the standby
 * cluster `dr` follows it.
 */
import type { CommandDecision, Remote } from '#libs/cluster';
import {
  dataOn,
  reportOf,
  runningCluster,
  Scenario,
  standbyAt,
  walAt,
} from './cluster-scenario.ts';

/** Where each of the two is followed. */
export const MAIN_REMOTE = { host: 'pg1', port: 5432, slot: 'site_b', user: null };
export const DR_REMOTE = { host: 'dr1', port: 5432, slot: null, user: null };

/** Where main's primary ends when it has stopped in order. */
export const MAIN_END = walAt(1, 500n);

export type ClusterPair = { readonly main: Scenario; readonly dr: Scenario };

/** pg1 of main serves; dr1 is the standby leader of what it writes, dr2 streams from dr1. */
export function clusterPair(): ClusterPair {
  const main = runningCluster({}, { name: 'main' });
  const dr = standbyCluster(['dr1', 'dr2']);
  main.others = [dr];
  dr.others = [main];
  return { main, dr };
}

/** Its first instance was cloned from the remote and leads, the others were cloned from the first. */
export function standbyCluster(
  names: readonly string[],
  standbyOf: Remote = MAIN_REMOTE,
): Scenario {
  const scenario = new Scenario({}, { name: 'dr', standbyOf });
  for (const name of names) scenario.hears(name);
  scenario.settle();
  scenario.hears(names[0] ?? '', { dataDirectory: dataOn(1) }).settle();
  for (const name of names) {
    scenario.hears(name, { dataDirectory: dataOn(1), postgres: standbyAt(1, 400n) });
  }
  scenario.settle();
  return scenario;
}

/** The primary has stopped for a demotion and its guard has given the lease back; nothing is decided yet. */
export function stopMain(main: Scenario): Scenario {
  main.releases('hand-over', MAIN_END);
  return main.hears('pg1', { postgres: { kind: 'stopped' }, guard: reportOf('pg1').guard });
}

/** The rules that refuse an order; of one that is not refused, what became of it. */
export function refusedBy(result: CommandDecision): string[] | CommandDecision['kind'] {
  return result.kind === 'refused' ? result.refusals.map(({ rule }) => rule) : result.kind;
}
