import { Readable } from 'node:stream';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { API_PATHS } from '#libs/api';
import { backupOf, ReplicaStore } from '#libs/storage';
import { ControllerCore } from '../controller-core.ts';
import { RaftHost } from '../raft-host/raft-host.ts';
import { systemClock } from '../system-clock.ts';
import { ApiProblem } from './api-problem.ts';

/** Each holds a snapshot of the database, which keeps old files on disk. */
const STREAMS_MAX = 4;
/** State writes wait at most 100 ms; more than this means that the disk hangs. */
const DISK_LIMIT_MS = 5_000;

/** The state of the controllers, passwords included: for operators, over TLS. */
@Controller()
export class BackupController {
  #streams = 0;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly core: ControllerCore,
    private readonly host: RaftHost,
    private readonly storage: ReplicaStore,
  ) {
    host.listen({ onTurnEnd: () => this.#look() });
  }

  @Get(API_PATHS.backup)
  async backup(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (request.operator === null) {
      const detail = 'a backup holds passwords and needs a client certificate of role operator';
      throw new ApiProblem('FORBIDDEN', detail);
    }
    if (this.#streams >= STREAMS_MAX) {
      throw new ApiProblem('QUEUE_FULL', `${STREAMS_MAX} backups are being taken: try again later`);
    }
    // A follower gives what it has; its header says up to which index.
    if (this.host.serving) await this.core.answers.confirmed();
    await this.#onDisk();
    await reply.type('application/octet-stream').send(Readable.from(this.#stream()));
  }

  async *#stream(): AsyncGenerator<Uint8Array> {
    const { storage, host } = this;
    const { groupId } = storage;
    this.#streams += 1;
    const snapshot = storage.openStateSnapshot();
    try {
      const incarnation = host.store.incarnation ?? groupId;
      yield* backupOf(snapshot, { groupId, incarnation, madeAtMs: systemClock.nowMs() });
    } finally {
      this.#streams -= 1;
      await snapshot.close();
    }
  }

  /** Everything that is applied now is in the database, which is what a snapshot shows. */
  #onDisk(): Promise<void> {
    const index = this.host.applies.index;
    const reached = (): boolean =>
      this.storage.applied.index >= index || this.host.overlay.under('').size === 0;
    if (reached()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((each) => each !== look);
        reject(new ApiProblem('QUEUE_FULL', 'the disk does not keep up: try again later'));
      }, DISK_LIMIT_MS);
      const look = (): void => {
        if (!reached()) return;
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((each) => each !== look);
        resolve();
      };
      this.#waiting.push(look);
    });
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
