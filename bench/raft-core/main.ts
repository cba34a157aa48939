import { seededPrng } from '#libs/kernel';
import {
  createRaft,
  type LogEntry,
  type MemberId,
  type Membership,
  type Message,
  type RaftConfig,
  type RaftMachine,
} from '#libs/raft';

/** How many entries a second three members agree on in one thread: no disk, no network, no codec. */
const ENTRIES = 1_000_000;
const PROPOSALS_PER_TURN = 256;
const PAYLOAD_BYTES = 256;

const MEMBERSHIP: Membership = {
  members: [1, 2, 3].map((id) => ({ id, name: `c${id}`, address: `c${id}:7400` })),
  voters: [1, 2, 3],
  outgoing: [],
  learners: [],
};

const machines = new Map<MemberId, RaftMachine>([1, 2, 3].map((id) => [id, machineOf(id)]));
const network: Message[] = [];
let applied = 0;

const leader = elect();
const payloads = Array.from({ length: PROPOSALS_PER_TURN }, () => new Uint8Array(PAYLOAD_BYTES));
const startedMs = performance.now();
while (applied < ENTRIES) {
  leader.propose(payloads);
  turn();
}
const seconds = (performance.now() - startedMs) / 1_000;
process.stdout.write(
  `${JSON.stringify({ entries: applied, seconds, entriesPerSecond: Math.round(applied / seconds) })}\n`,
);

function machineOf(self: MemberId): RaftMachine {
  const config: RaftConfig = {
    self,
    heartbeatTicks: 2,
    electionTicks: 10,
    maxAppendBytes: 1 << 20,
    maxInflightAppends: 64,
    maxInflightBytes: 8 << 20,
    maxUncommittedBytes: 16 << 20,
    cacheBytes: 8 << 20,
  };
  const initial = {
    hardState: { term: 0, vote: 0 },
    snapshot: { index: 0, term: 0, membership: MEMBERSHIP },
    membership: MEMBERSHIP,
    membershipIndex: 0,
    firstIndex: 1,
    lastIndex: 0,
    termRuns: [],
    appliedIndex: 0,
    tail: [],
  };
  return createRaft(config, initial, seededPrng(self));
}

function elect(): RaftMachine {
  for (;;) {
    for (const machine of machines.values()) {
      machine.tick();
      turn();
      if (machine.status().serving) return machine;
    }
  }
}

/** Everything that is under way arrives, is written at once and applied. */
function turn(): void {
  for (const machine of machines.values()) carryOut(machine);
  while (network.length > 0) {
    for (const message of network.splice(0)) machines.get(message.to)?.step(message);
    for (const machine of machines.values()) carryOut(machine);
  }
}

function carryOut(machine: RaftMachine): void {
  for (let output = machine.takeOutput(); output !== null; output = machine.takeOutput()) {
    network.push(...output.sendNow, ...output.afterPersist);
    if (output.persist !== null) machine.onPersisted(output.persist.seq);
    const last: LogEntry | undefined = output.apply[output.apply.length - 1];
    if (last !== undefined) machine.onApplied(last.index);
    if (machine === machines.get(1)) applied += output.apply.length;
  }
}
