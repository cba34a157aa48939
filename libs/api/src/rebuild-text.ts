import type { RebuildEvent } from '#libs/cluster';
import { bytesText, unreachable } from '#libs/kernel';

/** What happened to an instance's data, in one English sentence without a final stop. */
export function rebuildText(event: RebuildEvent): string {
  const { instance } = event;
  switch (event.type) {
    case 'RebuildStarted': {
      const { methods, from, force, reason } = event;
      const source = from === null ? '' : ` from ${from}`;
      const word = force ? '; also without another healthy copy' : '';
      return `${instance} is to be built anew${source} by ${methods.join(', then ')}${word}: ${reason}`;
    }
    case 'RebuildProgress': {
      const { method, doneBytes, totalBytes } = event;
      return `${instance}: ${method} ${percentOf(doneBytes, totalBytes)} %, ${bytesText(doneBytes)} of ${bytesText(totalBytes)}`;
    }
    case 'RebuildMethodFailed': {
      const { method, reason, remaining } = event;
      const next =
        remaining === 0 ? 'no method is left: it needs an operator' : 'the next one is tried';
      return `${instance} could not be built anew by ${method}: ${reason}; ${next}`;
    }
    case 'RebuildCompleted': {
      const { method, tookMs, copiedBytes } = event;
      const copied = copiedBytes === 0n ? '' : `, ${bytesText(copiedBytes)} copied`;
      return `${instance} is built anew by ${method} and streams, ${secondsText(tookMs)}${copied}`;
    }
    case 'RebuildCancelled':
      return `the rebuild of ${instance} is cancelled: it waits for \`matriarch reinit\``;
    case 'RebuildWithdrawn':
      return `the order to build ${instance} anew is withdrawn: ${event.reason}`;
    default:
      return unreachable(event);
  }
}

export function percentOf(done: bigint, total: bigint): number {
  return total <= 0n ? 0 : Math.min(100, Number((done * 100n) / total));
}

function secondsText(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}
