import { unreachable } from '#libs/kernel';
import type { Step } from '#libs/reconcile';
import { admitClients } from './admit-clients.step.ts';
import { detach } from './detach.step.ts';
import { fastForward } from './fast-forward.step.ts';
import { follow } from './follow.step.ts';
import { giveUpAfterCrash, handOver, release, stop, stopForeign } from './give-up.step.ts';
import { acquireLease } from './hold-lease.ts';
import { initialise } from './initialise.step.ts';
import { promote } from './promote.step.ts';
import { putBack } from './put-back.step.ts';
import { rebuild } from './rebuild.step.ts';
import { restart } from './restart.step.ts';
import { rewindTo } from './rewind.step.ts';
import { setSynchronous } from './set-synchronous.step.ts';
import { settlePrimary } from './settle-primary.step.ts';
import { startPrimary, startStandby } from './start.step.ts';
import type { StepContext } from './step-context.ts';

/** Steps of minutes or hours: broken off when the goal is another one by now. */
export const CANCELLABLE: readonly Step['kind'][] = [
  'rebuild',
  'rewind',
  'handOver',
  'fastForward',
];

export async function execute(step: Step, context: StepContext): Promise<void> {
  switch (step.kind) {
    case 'rest':
    case 'await':
    case 'reportOnly':
    case 'needsRebuild':
      return;
    case 'initialise':
      return initialise(context);
    case 'rebuild':
      return rebuild(context, step);
    case 'putBack':
      return putBack(context);
    case 'rewind':
      return rewindTo(context, step.upstream, step.timeline);
    case 'examine':
      return context.observer.readWalEnd();
    case 'startStandby':
      return startStandby(context, step.upstream, step.archiveOnly === true);
    case 'follow':
      return follow(context, step.upstream, step.archiveOnly === true);
    case 'detach':
      return detach(context, step.throughEpoch);
    case 'fastForward':
      return fastForward(context, step);
    case 'acquireLease':
      return acquireLease(context, step.epoch);
    case 'startPrimary':
      if (step.abandons) giveUpAfterCrash(context.facts, step.epoch);
      return startPrimary(context, step.epoch);
    case 'promote':
      return promote(context, step.epoch, step.timeline);
    case 'settlePrimary':
      return settlePrimary(context, step.epoch);
    case 'setSynchronous':
      return setSynchronous(context, step.setting, step.order);
    case 'admitClients':
      return admitClients(context);
    case 'restart':
      return restart(context, step.asPrimary);
    case 'stop':
      return stop(context, step.mode);
    case 'handOver':
      return handOver(context, step.epoch, step.stopBudgetMs);
    case 'release':
      return release(context, step);
    case 'stopForeign':
      return stopForeign(context, step.pid);
    default:
      return unreachable(step);
  }
}
