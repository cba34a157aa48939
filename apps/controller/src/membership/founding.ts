import type { ControllerConfig } from '#libs/config';
import { DomainError } from '#libs/kernel';
import { ControllerFrame, decodeControllerMessage, encodeControllerMessage } from '#libs/protocol';
import {
  type AcceptChannel,
  type LinkSecurity,
  type LinkSelf,
  type PeerConnection,
  PeerServer,
} from '#libs/transport';
import type { Log } from '../log.ts';
import { systemClock } from '../system-clock.ts';
import { askController } from './ask-controller.ts';
import { type AskedFounder, type FoundingVerdict, judgeFounding } from './judge-founding.ts';
import { tellRefusedBeforeGroup } from './refused-before-group.ts';
import { sayWaiting } from './waiting-text.ts';

/** The group that this controller would found is there, and had this controller in it. */
export class GroupExistsError extends DomainError {
  readonly code = 'GROUP_EXISTS';

  constructor(name: string, directory: string, { known, isMember }: Refused) {
    super(
      `controller '${name}' starts on an empty directory, ${directory}, and would found a group that is ` +
        `there: ${known.join('; ')}. ${isMember ? lostSeat(name) : noSeat(name)}`,
    );
  }
}

type Refused = Pick<Extract<FoundingVerdict, { kind: 'refused' }>, 'known' | 'isMember'>;

function lostSeat(name: string): string {
  return (
    'Start it on its directory of before. If that is lost: while the group has a leader, ' +
    `\`matriarch controllers remove ${name}\` and add it anew, or ` +
    `\`matriarch controllers replace ${name} --by NEW --address HOST:PORT\`; when a majority lost its ` +
    'directories, `matriarch controllers force-new-cluster` on one that kept its own'
  );
}

function noSeat(name: string): string {
  return (
    'To have it in that group, write `join: {controllers: [...]}` in the place of `controllers` in its ' +
    `file, start it, and \`matriarch controllers add ${name} --address HOST:PORT\``
  );
}

export type FoundingOptions = {
  readonly config: ControllerConfig;
  readonly security: LinkSecurity;
  /** As yet without a seat; its incarnation names the directory that would take one. */
  readonly self: LinkSelf;
  /** Of this process, without a directory: others must not take it for the seat's before it founded. */
  readonly incarnation: string;
  readonly log: Log;
  /** Founders that the operator answers for. */
  readonly without: readonly string[];
  /** Ends the wait. */
  readonly signal?: AbortSignal;
};

/** A founder whose host is away holds up a round no longer than this. */
const ANSWER_LIMIT_MS = 1_000;
const ASK_AGAIN_AFTER_MS = 100;
/** A founder that waits for long asks less often. */
const PATIENT_AFTER_ROUNDS = 50;
const PATIENT_ASK_AGAIN_AFTER_MS = 1_000;

/**
 * A founder on an empty directory: it answers the others that its directory is empty, and asks them until it
 * may found the group. It answers on until `close`, just before the controller itself takes the port: the
 * others need to hear from it, too, and until then it has no log.
 */
export class Founding {
  #room: PeerServer | null = null;
  #wake: () => void = () => undefined;
  #silent: readonly string[] = [];

  constructor(private readonly options: FoundingOptions) {}

  /** Resolves once this controller may found. @throws GroupExistsError, and the errors of `listen` */
  async permission(): Promise<void> {
    const { config, log } = this.options;
    const others = config.controllers.length - 1;
    if (others === 0) return;
    try {
      await this.#answerOthers();
      const why = await this.#untilClear();
      log.info('this controller founds a group', { founders: others + 1, why });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const room = this.#room;
    this.#room = null;
    await room?.close();
  }

  async #untilClear(): Promise<string> {
    const { config, log, signal, without } = this.options;
    const { name, stateDirectory } = config;
    const say = sayWaiting({ name, stateDirectory, log, clock: systemClock });
    for (let round = 1; ; round += 1) {
      const asked = await Promise.all(this.#others().map((founder) => this.#ask(founder)));
      signal?.throwIfAborted();
      const verdict: FoundingVerdict = judgeFounding(asked, without);
      if (verdict.kind === 'refused') {
        throw new GroupExistsError(name, stateDirectory, verdict);
      }
      if (verdict.kind === 'found') return verdict.why;
      this.#silent = verdict.silent;
      say(verdict, asked);
      const patient = round > PATIENT_AFTER_ROUNDS;
      await this.#pause(patient ? PATIENT_ASK_AGAIN_AFTER_MS : ASK_AGAIN_AFTER_MS);
    }
  }

  #others(): ControllerConfig['controllers'] {
    const { name, controllers } = this.options.config;
    return controllers.filter((founder) => founder.name !== name);
  }

  async #ask(founder: ControllerConfig['controllers'][number]): Promise<AskedFounder> {
    const { security, self } = this.options;
    const asked = await askController({
      ...{ place: founder.address, security, self, expectedName: founder.name },
      message: { type: 'seatInquiry' },
      answerOf: (message) => (message.type === 'seatAnswer' ? message.answer : undefined),
      limitMs: ANSWER_LIMIT_MS,
    });
    return { name: founder.name, address: founder.address, ...asked };
  }

  async #answerOthers(): Promise<void> {
    const { config, security, self, incarnation, log } = this.options;
    this.#room = await PeerServer.listen({
      ...config.listen,
      ...{ security, clock: systemClock, self: { ...self, incarnation } },
      channels: { 'raft-control': this.#accept, 'raft-bulk': this.#accept },
      onRefused: tellRefusedBeforeGroup(log),
    });
  }

  /** Members whose group is there may be connected already: what they send is for later. */
  readonly #accept: AcceptChannel = (connection: PeerConnection) => ({
    onFrame: (type, body) => {
      if (type !== ControllerFrame.message) return;
      if (decodeControllerMessage(body).type !== 'seatInquiry') return;
      const answer = { seat: 'empty', lastIndex: 0 } as const;
      const message = encodeControllerMessage({ type: 'seatAnswer', answer });
      connection.send(ControllerFrame.message, message);
      // It was away when it was asked last, and is there now.
      if (this.#silent.includes(connection.peer.name)) this.#wake();
    },
    onClose: () => undefined,
  });

  #pause(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, forMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
