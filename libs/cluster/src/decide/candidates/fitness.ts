/** What a standby lacks to take the primary's place, whatever WAL it has. */
import type { InstanceName } from '#libs/kernel';
import type { AgentReport } from '../../report.ts';
import { CAPACITY_SETTINGS } from '../../restart/capacity-settings.ts';
import { parametersFor } from '../../revisions.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import type { ServerFacts } from '../../server-facts.ts';
import { type ClusterState, inMaintenance } from '../../state.ts';

/** Four segments: with less, a new primary would stop at its first burst of writes. */
export const FREE_BYTES_MIN = 67_108_864n;

/**
 * Every reason against `instance`, with value and limit. What the agent did not tell is unknown and no
 * reason (safety 24). `asked`: an operator named it, who may take one with little disk or another
 * collation, but not one that PostgreSQL itself would not let serve.
 */
export function unfitness(
  state: ClusterState,
  instance: InstanceName,
  report: AgentReport,
  asked: boolean,
): RuleRefusal[] {
  const { members, primaryServer, postgres } = state;
  const because = (rule: string, value: string, limit: string) => ({
    instance,
    rule,
    value,
    limit,
  });
  const reasons: RuleRefusal[] = [];
  if (members[instance]?.tags.noFailover === true && !asked) {
    reasons.push(because('tagged-no-failover', 'noFailover', 'not tagged, or asked for by name'));
  }
  if (members[instance]?.tags.noStream === true && !asked) {
    reasons.push(because('tagged-no-stream', 'noStream', 'streams, or asked for by name'));
  }
  const delay = parametersFor(postgres, 'standby', instance)['recovery_min_apply_delay'];
  if (delay !== undefined && !/^0[a-z ]*$/.test(delay) && !asked) {
    reasons.push(
      because('delayed', `recovery_min_apply_delay = ${delay}`, 'no delay, or asked for by name'),
    );
  }
  const { freeBytes, server, promotionRefused } = report;
  if (promotionRefused != null) {
    reasons.push(because('pre-promote', promotionRefused, 'its own hook lets it'));
  }
  if (inMaintenance(state, instance)) {
    reasons.push(
      because('in-maintenance', 'an operator works on it', '`matriarch maintenance off`'),
    );
  }
  if (report.leaving === true) {
    reasons.push(because('leaving', 'is being shut down', 'stays'));
  }
  if (freeBytes != null && freeBytes < FREE_BYTES_MIN && !asked) {
    reasons.push(because('disk-full', `${freeBytes} bytes free`, `${FREE_BYTES_MIN} bytes`));
  }
  if (server == null || primaryServer === undefined) return reasons;
  for (const { rule, value, limit } of skewOf(server, primaryServer)) {
    if (rule !== 'collation-version' || !asked) reasons.push(because(rule, value, limit));
  }
  return reasons;
}

function* skewOf(own: ServerFacts, primary: ServerFacts): Iterable<Omit<RuleRefusal, 'instance'>> {
  const [ownMajor, major] = [own.versionNum, primary.versionNum].map((num) =>
    Math.floor(num / 1e4),
  );
  if (ownMajor !== major) {
    const [value, limit] = [`PostgreSQL ${ownMajor}`, `PostgreSQL ${major}, as the primary had`];
    yield { rule: 'major-version', value, limit };
  }
  for (const name of CAPACITY_SETTINGS) {
    const [mine, least] = [own.settings[name], primary.settings[name]];
    if (mine === undefined || least === undefined || mine >= least) continue;
    yield { rule: 'setting-too-small', value: `${name} = ${mine}`, limit: `${least} or more` };
  }
  const { collation } = primary;
  if (own.collation === null || collation === null || own.collation === collation) return;
  const limit = `${collation}, with which the primary sorted its indexes`;
  yield { rule: 'collation-version', value: own.collation, limit };
}

/** Worth knowing, and no reason to refuse. */
export function remarksOn({ primaryServer }: ClusterState, { server }: AgentReport): string[] {
  if (server == null || primaryServer === undefined) return [];
  if (server.versionNum === primaryServer.versionNum) return [];
  const minor = (num: number) => `${Math.floor(num / 1e4)}.${num % 1e4}`;
  return [`runs ${minor(server.versionNum)}, the primary ${minor(primaryServer.versionNum)}`];
}
