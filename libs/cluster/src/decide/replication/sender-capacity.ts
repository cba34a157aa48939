/** Whether a server could serve those who are to stream from it: asked before anything is stopped for it (safety 22). */
import type { InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import { upstreamOf } from '../../replication/upstream.ts';
import type { AgentReport } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { memberNames } from '../../state.ts';
import { freshReport } from '../sight.ts';

/** One for the copy and one for the WAL that is written meanwhile (`-X stream`). */
const SENDERS_OF_A_COPY = 2;

/** What `target` lacks for those who would follow it. What it did not tell is no reason (safety 24). */
export function cannotBeFollowed(
  { state }: DecisionInput,
  target: InstanceName,
  { server, slots }: AgentReport,
): RuleRefusal | null {
  const followers = memberNames(state).filter((name) => {
    if (name === target || state.members[name]?.tags.noStream === true) return false;
    return upstreamOf(state, name, target).name === target;
  });
  const who = followers.join(', ');
  const senders = server?.settings['max_wal_senders'];
  if (senders !== undefined && senders < followers.length) {
    const [value, limit] = [`max_wal_senders = ${senders}`, `${followers.length}, for ${who}`];
    return { instance: target, rule: 'too-few-walsenders', value, limit };
  }
  const most = server?.settings['max_replication_slots'];
  if (most === undefined || slots === undefined) return null;
  // Those of members are on every instance; what is missing is made right after the promotion.
  const others = slots.filter(({ name }) => !memberNames(state).some((own) => slotIsOf(name, own)));
  if (others.length + followers.length <= most) return null;
  const value = `max_replication_slots = ${most}, ${others.length} of them not of members`;
  const limit = `${others.length + followers.length}, with those of ${who}`;
  return { instance: target, rule: 'too-few-slots', value, limit };
}

/** Why nothing can be copied from the primary over its own protocol now. */
export function cannotBeCopied(input: DecisionInput, source: InstanceName): RuleRefusal | null {
  const report = freshReport(input, source);
  const senders = report?.server?.settings['max_wal_senders'];
  if (report?.postgres.kind !== 'primary' || senders === undefined) return null;
  const used = report.postgres.standbys.length;
  if (used + SENDERS_OF_A_COPY <= senders) return null;
  const value = `max_wal_senders = ${senders}, ${used} in use`;
  const limit = `${SENDERS_OF_A_COPY} free for pg_basebackup`;
  return { instance: source, rule: 'no-free-walsender', value, limit };
}

/** A slot's name allows no hyphen: whose instance has one gets a mark instead (`slotNameOf`). */
function slotIsOf(slot: string, instance: InstanceName): boolean {
  if (!instance.includes('-')) return slot === instance;
  return slot.startsWith(`${instance.replaceAll('-', '_')}_`);
}
