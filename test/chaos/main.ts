import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_SETTINGS } from '#libs/cluster';
import { messageOf, parseLsn, seededPrng, timelineId } from '#libs/kernel';
import { WritingClient } from '#libs/outage';
import { MODES, type Mode } from '../../bench/failover/fault.ts';
import { Matriarch } from '../../bench/failover/systems/matriarch.ts';
import { startWriting, untilCounted } from '../../bench/shared/writing.ts';
import { commandLine } from '../command-line/command-line.ts';
import { amount, flag, oneOf, text, wholeNumber } from '../command-line/option.ts';
import { createSixHosts } from '../hosts/six-hosts.ts';
import { Campaign } from './campaign.ts';
import type { Battlefield } from './carry-out.ts';
import { HostClocks } from './host-clock.ts';
import { brokenPromise, type Fork, lostBytesOf } from './promise.ts';
import { type ChaosReport, recordRun } from './record.ts';
import { SmallDisk } from './small-disk.ts';

const values = commandLine({
  command: 'npm run chaos --',
  purpose: `Random faults on real PostgreSQL, on six hosts in network namespaces of this machine (as root); repeatable
as far as a real machine repeats anything. The last line is one object of JSON; exit code 1 when the
mode's promise was broken.`,
  options: {
    minutes: amount('how long', 3),
    mode: oneOf('of replication', MODES, 'async'),
    seed: wholeNumber('what the faults are drawn from', 1),
    record: text('the file whose table gets a line for the run', null),
    json: flag('as always: one object of JSON ends it'),
  },
});
const BOOTSTRAP_LIMIT_MS = 120_000;
const STANDBYS = 2;
const EXIT_BROKEN = 1;
const EXIT_COULD_NOT_RUN = 2;
const limitBytes = Number(DEFAULT_SETTINGS.maximumLagOnFailoverBytes);
const ended = new AbortController();

async function main(mode: Mode, seed: number, minutes: number): Promise<ChaosReport> {
  const network = await createSixHosts();
  const clocks = new HostClocks(network.hosts.map(({ name }) => name));
  const system = new Matriarch(network, mode, {
    environmentOf: (host) => clocks.environmentOf(host),
  });
  const { plan } = system.cluster;
  const disks = new Map(
    plan.instances.map(({ name, host, socketDirectory }) => {
      return [host.name, new SmallDisk(socketDirectory, join(plan.directory, `${name}.disk`))];
    }),
  );
  let whole = false;
  try {
    for (const disk of disks.values()) await disk.mount();
    const report = await fight({ system, disks, clocks }, { mode, seed, minutes });
    whole = report.broken === undefined;
    return report;
  } finally {
    for (const disk of disks.values()) disk.free();
    if (whole) await system.cluster.stop();
    for (const { name } of network.hosts) system.holdDown(name);
    await network.remove();
    clocks.remove();
    for (const disk of disks.values()) await disk.unmount();
    if (whole) rmSync(plan.directory, { recursive: true });
    else say({ kept: plan.directory, disks: 'unmounted: mount -o loop pgN.disk pgN' });
  }
}

async function fight(
  field: Battlefield,
  run: { readonly mode: Mode; readonly seed: number; readonly minutes: number },
): Promise<ChaosReport> {
  const { system } = field;
  await system.prepare();
  await system.start();
  const primary = await system.untilStreaming(STANDBYS, BOOTSTRAP_LIMIT_MS);
  const { databases: hosts, credentials } = system;
  const client = new WritingClient({ hosts, credentials });
  await startWriting(client, primary);
  const campaign = new Campaign(field, client, seededPrng(run.seed), say);
  const startedMs = performance.now();
  let failure: string | null = null;
  try {
    await campaign.run(startedMs + run.minutes * 60_000, ended.signal);
  } catch (error) {
    failure = messageOf(error);
  }
  await client.stop();
  const counted = await count(field, client, campaign);
  const { acknowledged, gapMs, dual } = client.view();
  const broken =
    failure ?? counted.why ?? brokenPromise(run.mode, { dual, ...counted.of }, limitBytes);
  const report: ChaosReport = {
    ...run,
    minutes: Math.round((performance.now() - startedMs) / 6_000) / 10,
    faults: campaign.faults,
    ...{ acknowledged, dual, ...counted.of, limitBytes, maxGapMs: Math.round(gapMs) },
    ...(broken === null ? {} : { broken }),
  };
  if (values.record !== null) recordRun(values.record, report, campaign.kinds);
  return report;
}

/** Of a cluster that did not become whole again nothing can be counted, and nothing is said to be kept. */
async function count({ system }: Battlefield, client: WritingClient, campaign: Campaign) {
  try {
    const primary = await campaign.untilWhole();
    const lost = await untilCounted(client, primary);
    const forks = await forksOf(system);
    const { acknowledgedTo } = client.view();
    const lostBytes = Number(lostBytesOf(forks, acknowledgedTo));
    return { of: { lost, lostBytes }, why: null };
  } catch (error) {
    return { of: { lost: null, lostBytes: null }, why: `not counted: ${messageOf(error)}` };
  }
}

async function forksOf({ api }: Matriarch): Promise<Fork[]> {
  const forks: Fork[] = [];
  for (let after = 0; ; ) {
    const { events, newest } = await api.events(after);
    for (const { event } of events) {
      const fork = event['type'] === 'Promoted' ? event['fork'] : null;
      if (typeof fork !== 'object' || fork === null) continue;
      const { from, lsn } = fork as { from: number; lsn: string };
      forks.push({ from: timelineId(from), lsn: parseLsn(lsn) });
    }
    after = events.at(-1)?.sequence ?? newest;
    if (after >= newest) return forks;
  }
}

function say(line: Record<string, unknown>): void {
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => ended.abort(new Error(`ended by ${signal}`)));
}
try {
  if (!HostClocks.available()) throw new Error('libfaketime is missing: install faketime');
  const report = await main(values.mode, values.seed, values.minutes);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (report.broken !== undefined) process.exitCode = EXIT_BROKEN;
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  process.exitCode = EXIT_COULD_NOT_RUN;
}
// Whatever is still open by now belongs to hosts that are gone.
process.exit();
