import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Metrics } from '#libs/observability';
import { ControllerCore } from '../controller-core.ts';
import { RaftHost } from '../raft-host/raft-host.ts';

/** A write that has taken this long means that the disk hangs. */
const WRITE_STALL_MAX_MS = 2_000;

@Controller()
export class HealthController {
  constructor(
    private readonly core: ControllerCore,
    private readonly host: RaftHost,
    private readonly metrics: Metrics,
  ) {}

  /** The process turns. */
  @Get('healthz')
  healthz(): { readonly ok: true } {
    return { ok: true };
  }

  /** There is a leader, this member's disk keeps up, and its state is that of the majority. */
  @Get('readyz')
  readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    const leader = this.core.leader.name;
    const writeStallMs = Math.round(this.host.writeStallMs);
    const { commitIndex, appliedIndex } = this.host.status();
    const { isolated } = this.host;
    const ok = leader !== null && writeStallMs < WRITE_STALL_MAX_MS && isolated === null;
    if (!ok) void reply.code(503);
    return { ok, leader, isolated, writeStallMs, applyLagEntries: commitIndex - appliedIndex };
  }

  @Get('metrics')
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.type(this.metrics.contentType);
    return this.metrics.text();
  }
}
