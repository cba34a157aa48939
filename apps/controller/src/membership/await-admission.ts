import { type ControllerConfig, parseAddress } from '#libs/config';
import { DomainError, formatAddress } from '#libs/kernel';
import type { JoinAnswer } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import { type LinkSecurity, type LinkSelf, PeerServer } from '#libs/transport';
import type { Log } from '../log.ts';
import { systemClock } from '../system-clock.ts';
import { askController } from './ask-controller.ts';
import { tellRefusedBeforeGroup } from './refused-before-group.ts';

export class JoinRefusedError extends DomainError {
  readonly code = 'JOIN_REFUSED';

  constructor(name: string, why: string) {
    super(`controller '${name}' may not join: ${why}`);
  }
}

export type AdmissionOptions = {
  readonly config: ControllerConfig;
  readonly security: LinkSecurity;
  /** As yet without a seat. */
  readonly self: LinkSelf;
  readonly log: Log;
};

const ANSWER_LIMIT_MS = 3_000;
const ASK_AGAIN_AFTER_MS = 500;

/**
 * Listens, so that the leader can prove the address, and asks for a seat until it is given one.
 *
 * @throws JoinRefusedError, and the errors of `listen`
 */
export async function awaitAdmission(options: AdmissionOptions): Promise<MemberId> {
  const { config, security, self, log } = options;
  const silent = { onFrame: () => undefined, onClose: () => undefined };
  const server = await PeerServer.listen({
    ...config.listen,
    ...{ security, self, clock: systemClock },
    channels: { 'raft-control': () => silent, 'raft-bulk': () => silent },
    onRefused: tellRefusedBeforeGroup(log),
  });
  try {
    return await askUntilAdmitted(options);
  } finally {
    await server.close();
  }
}

async function askUntilAdmitted(options: AdmissionOptions): Promise<MemberId> {
  const { log } = options;
  let lastWhy = '';
  for (;;) {
    const { memberId, why } = await askAround(options);
    if (memberId !== null) return memberId;
    if (why !== lastWhy) log.info('waiting to be let in', { why });
    lastWhy = why;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_AFTER_MS));
  }
}

/** Each known controller once, and whoever they name as leader first. */
async function askAround(
  options: AdmissionOptions,
): Promise<{ readonly memberId: MemberId | null; readonly why: string }> {
  const { config } = options;
  const toAsk = (config.join?.controllers ?? []).map(formatAddress);
  const reasons = new Map<string, string>();
  for (let address = toAsk.shift(); address !== undefined; address = toAsk.shift()) {
    if (reasons.has(address)) continue;
    const answer = await askOnce(options, address);
    if (answer.kind === 'admitted') return { memberId: answer.memberId, why: '' };
    if (answer.kind === 'refused') throw new JoinRefusedError(config.name, answer.why);
    reasons.set(address, answer.why);
    if (answer.leader !== null) toAsk.unshift(answer.leader);
  }
  const why = [...reasons].map(([address, reason]) => `${address}: ${reason}`).join('; ');
  return { memberId: null, why };
}

/** One question to one controller; a controller that cannot be reached means waiting too. */
async function askOnce(options: AdmissionOptions, address: string): Promise<JoinAnswer> {
  const { config, security, self } = options;
  const place = parseAddress(address);
  if (place === null) return waiting(`'${address}' is no host:port`);
  const asked = await askController({
    ...{ place, security, self, expectedName: null },
    message: { type: 'joinRequest', token: config.join?.token ?? null },
    answerOf: (message) => (message.type === 'joinAnswer' ? message.answer : undefined),
    limitMs: ANSWER_LIMIT_MS,
  });
  return 'answer' in asked ? asked.answer : waiting(asked.none);
}

function waiting(why: string): JoinAnswer {
  return { kind: 'wait', why, leader: null };
}
