import { KeptOutFile } from './state-directory/kept-out-file.ts';
import { LostWalDirectory } from './state-directory/lost-wal-directory.ts';
import type { OwnFacts } from './steps/step-context.ts';

/** What is known of before, from files; the rest is found out again. */
export function factsFrom(stateDirectory: string): OwnFacts {
  const keptOutFile = new KeptOutFile(stateDirectory);
  return {
    detached: null,
    abandonedHandOver: null,
    handOverRefused: null,
    settledEpoch: null,
    leaving: false,
    divergedWal: new LostWalDirectory(stateDirectory).newest(),
    synchronous: null,
    recoveredTo: null,
    promotionRefused: null,
    get clientsKeptOut() {
      return keptOutFile.keptOut;
    },
    set clientsKeptOut(keptOut) {
      keptOutFile.keep(keptOut);
    },
  };
}

/** Why this instance takes no promotion on now; null when it does. */
export function refusalIn({ promotionRefused }: OwnFacts, nowMs: number): string | null {
  return promotionRefused !== null && nowMs < promotionRefused.untilMs
    ? promotionRefused.why
    : null;
}
