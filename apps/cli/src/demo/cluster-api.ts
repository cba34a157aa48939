/** What demo and tests ask of the controllers; the HTTP API carries it out. */
export abstract class ClusterApi {
  /** Creates the cluster from the plan's file; resolves once it is committed. */
  abstract createCluster(): Promise<void>;
  abstract switchover(): Promise<void>;
  /** Name of the leading controller; null while none is known. */
  abstract leader(): Promise<string | null>;
  /** What keeps the controllers from seeing a healthy cluster under this primary; null: nothing. */
  abstract trouble(primary: string): Promise<string | null>;
}
