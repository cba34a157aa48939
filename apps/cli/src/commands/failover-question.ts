import type { ClusterView, InstanceView } from '#libs/api';

type Asked = { readonly to?: string; readonly acceptLoss?: true; readonly copyAside?: true };

/** What a failover would end, and what it may cost, for whoever is asked whether it is meant. */
export function failoverQuestion(
  cluster: ClusterView,
  { to, acceptLoss, copyAside }: Asked,
): string {
  const { name, instances } = cluster;
  const given = [
    ...(copyAside === true ? [' with the copy that lies aside there'] : []),
    ...(acceptLoss === true ? [' (--accept-loss: also beyond the lag limit)'] : []),
  ].join('');
  const standbys = instances.filter(({ role }) => role !== 'primary').map(lagOf);
  return [
    stateOf(cluster),
    ...(standbys.length === 0 ? [] : [`Behind it: ${standbys.join(', ')}.`]),
    `Fail ${name} over to ${to ?? 'the most advanced standby'}${given}?`,
  ].join('\n');
}

function stateOf({ name, phase, following, instances }: ClusterView): string {
  if (following !== null) return `${name} follows another cluster: nobody writes in it.`;
  const primary = instances.find(({ role }) => role === 'primary');
  if (phase !== 'serving' || primary === undefined) return `No primary of ${name} serves now.`;
  return (
    `${primary.name} serves as the primary of ${name}. A failover gives it up, with whatever it has not ` +
    `sent to the next one; \`matriarch switchover ${name}\` loses nothing.`
  );
}

function lagOf({ name, state, lagText }: InstanceView): string {
  return lagText === null ? `${name} (${state})` : `${name} ${lagText}`;
}
