import { ChangedConstant } from './changed-constant.ts';

/** Lets built programs run as the version that speaks the protocol up to `level` only. */
export class EarlierVersions extends ChangedConstant {
  constructor(readonly level: number) {
    super('PROTOCOL_MAX', level);
  }

  /** For a process that starts as the earlier version until `upgrade`. */
  override environmentOf(process: string): NodeJS.ProcessEnv {
    const environment = super.environmentOf(process);
    this.downgrade(process);
    return environment;
  }

  upgrade(process: string): void {
    this.restore(process);
  }

  downgrade(process: string): void {
    this.change(process);
  }
}
