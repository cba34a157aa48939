/** Paths of the HTTP API; controllers serve them, clients fill in the cluster. */
export const API_PATHS = {
  status: '/api/v1/status',
  clusters: '/api/v1/clusters',
  /** The controllers' own state as one stream of bytes; operators only. */
  backup: '/api/v1/controllers/backup',
  controllers: '/api/v1/controllers',
  removeController: (name: string) => `/api/v1/controllers/${encodeURIComponent(name)}/remove`,
  replaceController: (name: string) => `/api/v1/controllers/${encodeURIComponent(name)}/replace`,
  transferLeadership: '/api/v1/controllers/transfer-leader',
  cluster: (cluster: string) => `/api/v1/clusters/${encodeURIComponent(cluster)}`,
  events: (cluster: string) => `${API_PATHS.cluster(cluster)}/events`,
  eventStream: (cluster: string) => `${API_PATHS.cluster(cluster)}/events/stream`,
  explain: (cluster: string) => `${API_PATHS.cluster(cluster)}/explain`,
  failovers: (cluster: string) => `${API_PATHS.cluster(cluster)}/failovers`,
  configuration: (cluster: string) => `${API_PATHS.cluster(cluster)}/configuration`,
  switchover: (cluster: string) => `${API_PATHS.cluster(cluster)}/switchover`,
  failover: (cluster: string) => `${API_PATHS.cluster(cluster)}/failover`,
  acknowledge: (cluster: string) => `${API_PATHS.cluster(cluster)}/acknowledge`,
  rebuild: (cluster: string, instance: string) =>
    `${API_PATHS.cluster(cluster)}/instances/${encodeURIComponent(instance)}/rebuild`,
  cancelRebuild: (cluster: string, instance: string) =>
    `${API_PATHS.rebuild(cluster, instance)}/cancel`,
  restart: (cluster: string) => `${API_PATHS.cluster(cluster)}/restart`,
  cancelRestart: (cluster: string) => `${API_PATHS.restart(cluster)}/cancel`,
  maintenance: (cluster: string) => `${API_PATHS.cluster(cluster)}/maintenance`,
  demoteCluster: (cluster: string) => `${API_PATHS.cluster(cluster)}/demote-cluster`,
  promoteCluster: (cluster: string) => `${API_PATHS.cluster(cluster)}/promote-cluster`,
  pause: (cluster: string) => `${API_PATHS.cluster(cluster)}/pause`,
  resume: (cluster: string) => `${API_PATHS.cluster(cluster)}/resume`,
} as const;

/** Events in one answer at most; ask again after the last one. */
export const EVENTS_LIMIT_MAX = 1_000;
export const EVENTS_LIMIT_DEFAULT = 100;
