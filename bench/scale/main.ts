import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { API_PATHS, type ControllersAnswer, controllersAnswer } from '#libs/api';
import { epochMs, messageOf } from '#libs/kernel';
import { issueCertificate, openAuthority } from '#libs/transport';
import { commandLine } from '../../test/command-line/command-line.ts';
import { amount, flag, text, wholeNumber } from '../../test/command-line/option.ts';
import { writeDocumentPart } from '../shared/document-part.ts';
import { groupBy } from '../shared/group-by.ts';
import { loadAverage } from '../shared/machine.ts';
import { OurGroup } from '../store/ours.ts';
import { INSTANCE } from './first-grant.ts';
import { makeClusters } from './make-clusters.ts';
import { percentileOf, type RenewalReport, secondOf } from './renewal-tally.ts';
import { type ScaleReport, scaleTable } from './scale-table.ts';
import { SwarmProcess } from './swarm-process.ts';

const values = commandLine({
  command: 'npm run bench:scale --',
  purpose: `Guards of as many clusters renew their leases with three real controllers over TLS, each guard with a
connection of its own to every controller; the leader is killed half way. As root the controllers are preferred
by the scheduler, as by their unit. Exit code 1 when a lease
expired that should not.`,
  options: {
    guards: wholeNumber('how many', 5_000, 1),
    minutes: amount('how long', 10),
    kills: wholeNumber(
      'how many leaders die half way, one after the other, half a minute apart',
      1,
      1,
    ),
    'port-base': wholeNumber('the first port of the controllers', 19_700, 1),
    table: text('the document that gets the table', null),
    json: flag('as always: one object of JSON ends it'),
  },
});
const OPERATOR = 'bench';
const PROCESSES = 2;
const SETTLE_MS = 5_000;
/** So many slow renewals make a second worth a line. */
const SLOW_TOLD = 200;
const AFTER_KILL_MS = 10_000;
const AFTER_START_MS = 20_000;
const CERTIFICATES_AT_ONCE = 64;
const IS_ROOT = process.getuid?.() === 0;
const directory = mkdtempSync(join(tmpdir(), 'matriarch-scale-'));
const swarms: SwarmProcess[] = [];

async function main(guards: number, minutes: number): Promise<ScaleReport> {
  const names = Array.from({ length: guards }, (_, at) => `s${at}`);
  const basePort = values['port-base'];
  const group = await OurGroup.start({ directory, basePort, transport: 'tls', nodeFlags: null });
  try {
    say({ preferred: IS_ROOT });
    prefer(group.members);
    const certificates = join(directory, 'certificates');
    await issueAll(names, certificates);
    say({ certificates: 2 * guards });
    const leader = await leaderOf(group);
    const { authority, now } = await authorityOf(certificates);
    const common = { authority, hosts: [], now, directory: certificates };
    const operator = await issueCertificate({ ...common, role: 'operator', name: OPERATOR });
    await makeClusters(names, { host: leader.host, port: leader.port + 1 }, operator);
    say({ clusters: guards });
    await beginAll(group, names, certificates);
    await pause(SETTLE_MS);
    return await measure(group, guards, minutes);
  } finally {
    for (const swarm of swarms) swarm.stop();
    await group.stop();
  }
}

async function beginAll(
  group: OurGroup,
  names: readonly string[],
  certificates: string,
): Promise<void> {
  const controllers = group.places.map(({ name, host, port }) => {
    return { name, address: `${host}:${port}` };
  });
  const share = Math.ceil(names.length / PROCESSES);
  for (let at = 0; at < PROCESSES; at += 1) swarms.push(new SwarmProcess());
  await Promise.all(
    swarms.map((swarm, at) => {
      const own = names.slice(at * share, (at + 1) * share);
      const order = { names: own, controllers, certificates };
      return swarm.begin(order, (count) => say({ swarm: at, granted: count }));
    }),
  );
}

/** Half of the time, the leader's death, the other half; log growth counts in the quiet halves. */
async function measure(group: OurGroup, guards: number, minutes: number): Promise<ScaleReport> {
  const halfMs = minutes * 30_000;
  for (const swarm of swarms) swarm.reset();
  const first = await quietHalf(group, halfMs);
  await tellRenewals();
  for (let kill = 0; kill < values.kills; kill += 1) await killLeader(group);
  const second = await quietHalf(group, halfMs);
  const reports = await Promise.all(swarms.map((swarm) => swarm.report()));
  const stops = reports.flatMap((report) => report.stops);
  const refusals = reports.flatMap((report) => report.refusals);
  for (const what of [...stops.slice(0, 10), ...refusals]) say({ expired: what });
  const perSecond = groupBy(stops, secondOf);
  for (const [second, of] of perSecond) say({ second, stops: of.length });
  for (const [second, slow] of slowSeconds(reports)) say({ second, slow });
  return {
    guards,
    minutes,
    renewP99Ms: percentileOf(reports, 99),
    falseExpiries: Math.max(stops.length, refusals.length),
    leaderKills: values.kills,
    logEntries: first.logEntries + second.logEntries,
    cpuPercent: Math.max(first.cpuPercent, second.cpuPercent),
    rssMb: Math.max(...group.members.map((one) => one.memoryMb()?.rss ?? 0)),
    renewP50Ms: percentileOf(reports, 50),
    renewals: reports.reduce((sum, { byMs }) => sum + byMs.reduce((a, b) => a + b, 0), 0),
    linksLost: reports.reduce((sum, { linksLost }) => sum + linksLost, 0),
    load: loadAverage(),
  };
}

/** The seconds in which many took longer than the goal: a stall, or all the time? */
function slowSeconds(reports: readonly RenewalReport[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { slow } of reports) {
    for (const [second, count] of Object.entries(slow)) {
      sums.set(second, (sums.get(second) ?? 0) + count);
    }
  }
  return [...sums].filter(([, count]) => count >= SLOW_TOLD).toSorted();
}

/** Thousands of hosts, each with processors of its own, would take those of three more. */
function prefer(members: OurGroup['members']): void {
  if (IS_ROOT) for (const member of members) member.prefer();
}

async function killLeader(group: OurGroup): Promise<void> {
  const leader = await leaderOf(group);
  const member = group.members.find((candidate) => candidate.member.name === leader.name);
  await member?.kill();
  say({ killed: leader.name, at: new Date().toISOString() });
  await pause(AFTER_KILL_MS);
  member?.start();
  prefer(member === undefined ? [] : [member]);
  await pause(AFTER_START_MS);
  await tellRenewals();
}

async function quietHalf(group: OurGroup, forMs: number) {
  const before = await commitIndex(group);
  const cpuBefore = group.members.map((member) => member.cpuMs());
  const startedMs = performance.now();
  await pause(forMs);
  const elapsedMs = performance.now() - startedMs;
  const percents = group.members.map((member, at) => {
    return ((member.cpuMs() - (cpuBefore[at] ?? 0)) / elapsedMs) * 100;
  });
  const logEntries = (await commitIndex(group)) - before;
  const half = { logEntries, cpuPercent: Math.round(Math.max(...percents) * 10) / 10 };
  say({ ...half, cpuPercents: percents.map(Math.round), load: loadAverage() });
  return half;
}

/** So far, the seconds after the leader's death included once they are over. */
async function tellRenewals(): Promise<void> {
  const reports = await Promise.all(swarms.map((swarm) => swarm.report()));
  const [p50Ms, p99Ms] = [50, 99].map((percent) => percentileOf(reports, percent));
  const loopP99Ms = reports.map((report) => report.loopP99Ms);
  say({
    p50Ms,
    p99Ms,
    loopP99Ms,
    leastLeftMs: Math.min(...reports.map((report) => report.leastLeftMs)),
    stops: reports.reduce((sum, { stops }) => sum + stops.length, 0),
  });
}

async function commitIndex(group: OurGroup): Promise<number> {
  return (await controllersOf(group)).commitIndex;
}

async function leaderOf(group: OurGroup) {
  const { leader } = await controllersOf(group);
  const place = group.places.find(({ name }) => name === leader);
  if (place === undefined) throw new Error('no controller leads');
  return place;
}

async function controllersOf(group: OurGroup): Promise<ControllersAnswer> {
  for (const { host, port } of group.places) {
    const answer = await read(host, port + 1);
    if (answer?.leader != null) return answer;
  }
  throw new Error('no controller knows a leader');
}

async function read(host: string, port: number): Promise<ControllersAnswer | null> {
  return await new Promise((resolve) => {
    const sent = request({ host, port, path: API_PATHS.controllers }, (answer) => {
      textOf(answer).then(
        (body) => resolve(controllersAnswer.parse(JSON.parse(body))),
        () => resolve(null),
      );
    });
    sent.once('error', () => resolve(null));
    sent.end();
  });
}

async function authorityOf(certificates: string) {
  return { authority: await openAuthority(certificates), now: epochMs(Date.now()) };
}

/** One for the guard of each cluster and one for its agent. */
async function issueAll(names: readonly string[], certificates: string): Promise<void> {
  const { authority, now } = await authorityOf(certificates);
  const waiting = names.flatMap((name) => [
    { role: 'guard' as const, name: `${name}/${INSTANCE}` },
    { role: 'agent' as const, name: `${name}/${INSTANCE}` },
  ]);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await issueCertificate({ authority, ...next, hosts: [], now });
    }
  };
  await Promise.all(Array.from({ length: CERTIFICATES_AT_ONCE }, worker));
}

function say(line: Record<string, unknown>): void {
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

process.on('exit', () => {
  for (const swarm of swarms) swarm.stop();
  // With thousands of certificates rmSync takes most of a minute.
  spawnSync('rm', ['-rf', directory]);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(2));
try {
  const report = await main(values.guards, values.minutes);
  if (values.table !== null) {
    writeDocumentPart(values.table, 'bench:scale', scaleTable(report));
  }
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (report.falseExpiries > 0) process.exitCode = 1;
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  process.exitCode = 2;
}
process.exit();
