import type { Endpoint } from '#libs/cluster';
import { type ControllerConfig, formatAddress } from '#libs/config';
import { DomainError } from '#libs/kernel';
import type { SeatAnswer } from '#libs/protocol';
import type { LinkSecurity, LinkSelf } from '#libs/transport';
import type { Log } from '../log.ts';
import { askController } from './ask-controller.ts';

/** The group that this controller would found is there, and had this controller in it. */
export class GroupExistsError extends DomainError {
  readonly code = 'GROUP_EXISTS';

  constructor(name: string, directory: string, known: readonly string[]) {
    super(
      `controller '${name}' starts on an empty directory, ${directory}, and would found a group that is ` +
        `there: ${known.join('; ')}. Start it on its directory of before. If that is lost: while the group ` +
        `has a leader, \`matriarch controllers remove ${name}\` and add it anew, or ` +
        `\`matriarch controllers replace ${name} --by NEW --address HOST:PORT\`; when a majority lost its ` +
        'directories, `matriarch controllers force-new-cluster` on one that kept its own',
    );
  }
}

export type FoundingOptions = {
  readonly config: ControllerConfig;
  readonly security: LinkSecurity;
  /** As yet without a seat. */
  readonly self: LinkSelf;
  readonly log: Log;
};

/** A first start of all founders waits no longer than this for one whose host is away. */
const ANSWER_LIMIT_MS = 1_000;

/**
 * Asks every other founder once. Whoever is not there, or has a log in which this seat is free, is no
 * reason against founding: founders start one after another. A directory that comes back later with its
 * log stops the empty ones by itself (`Seats`).
 *
 * @throws GroupExistsError
 */
export async function askFounders(options: FoundingOptions): Promise<void> {
  const { config, security, self, log } = options;
  const { name, stateDirectory } = config;
  const others = config.controllers.filter((founder) => founder.name !== name);
  const asked = await Promise.all(
    others.map(async (founder) => ({
      ...{ name: founder.name, address: founder.address },
      ...(await askController({
        ...{ place: founder.address, security, self, expectedName: founder.name },
        message: { type: 'seatInquiry' },
        answerOf: (message) => (message.type === 'seatAnswer' ? message.answer : undefined),
        limitMs: ANSWER_LIMIT_MS,
      })),
    })),
  );
  const known = asked.flatMap((founder) =>
    'answer' in founder ? objectionOf(founder, founder.answer) : [],
  );
  if (known.length > 0) throw new GroupExistsError(name, stateDirectory, known);
  const silent = asked.flatMap((founder) =>
    'none' in founder ? [`${founder.name}: ${founder.none}`] : [],
  );
  log.info('this controller founds a group', { founders: others.length + 1, silent });
}

function objectionOf(
  { name, address }: { readonly name: string; readonly address: Endpoint },
  { seat, lastIndex }: SeatAnswer,
): string[] {
  if (seat === 'free') return [];
  const why =
    seat === 'taken'
      ? 'with another directory of this controller in it'
      : 'and this controller is no member of it (any more)';
  return [`${name} (${formatAddress(address)}) has its log up to ${lastIndex}, ${why}`];
}
