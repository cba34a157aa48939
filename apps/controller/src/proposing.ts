import type { Applied, Command } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { type ProposalLoss, proposeCommand } from '#libs/leader';
import type { RaftHost } from './raft-host/raft-host.ts';

/** A command that this controller proposed was not, or perhaps not, applied. */
export class ProposalLostError extends DomainError {
  readonly code: ProposalLoss['code'];

  constructor(readonly loss: ProposalLoss) {
    const whether = loss.outcome === 'unknown' ? 'it may have been applied' : 'it was not applied';
    super(`the command was lost (${loss.code.toLowerCase().replaceAll('_', ' ')}): ${whether}`);
    this.code = loss.code;
  }
}

/** For the few commands that people wait for. @throws ProposalLostError */
export function appliedCommand(host: RaftHost, command: Command): Promise<Applied> {
  return new Promise((resolve, reject) => {
    proposeCommand(host, command, {
      onApplied: (_index, applied) => resolve(applied),
      onLost: (loss) => reject(new ProposalLostError(loss)),
    });
  });
}
