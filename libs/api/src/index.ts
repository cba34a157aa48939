export { placeText } from '#libs/cluster';
export { configurationShape } from './cluster-shapes.ts';
export {
  type ConfigurationAnswer,
  type ConfigureAnswer,
  type ConfigureRequest,
  configurationAnswer,
  configurationAnswerOf,
  configureAnswer,
  configureRequest,
} from './configuration.ts';
export {
  addControllerRequest,
  type ControllerOrderAnswer,
  type ControllerSeat,
  type ControllersAnswer,
  controllerOrderAnswer,
  controllersAnswer,
  replaceControllerRequest,
  transferLeadershipRequest,
} from './controllers.ts';
export { eventSentence, eventText } from './event-text.ts';
export { explainOf, goalText } from './explain-of.ts';
export { type Heard, SILENT_AFTER_MS } from './heard.ts';
export { type Json, jsonOf } from './json-text.ts';
export { keptAcknowledged } from './kept-commits.ts';
export { operationText } from './operation-text.ts';
export { phasesText, totalMs, triggerText } from './outage-text.ts';
export {
  type FailoversAnswer,
  failoversAnswer,
  type OutageView,
  outageViewOf,
} from './outages.ts';
export { API_PATHS, EVENTS_LIMIT_DEFAULT, EVENTS_LIMIT_MAX } from './paths.ts';
export {
  PROBLEM_CONTENT_TYPE,
  PROBLEM_STATUS,
  type Problem,
  type ProblemCode,
  problem,
  problemSchema,
  type RefusalView,
} from './problem.ts';
export {
  type PreflightAnswer,
  preflightAnswer,
  type RebuildRequest,
  rebuildRequest,
} from './rebuild-requests.ts';
export {
  type EventsAnswer,
  eventsAnswer,
  type RecordedEventJson,
  recordedEventJson,
  recordedEventSchema,
  SSE_KEEPALIVE,
  SSE_KEEPALIVE_MS,
  sseMessage,
} from './recorded-event.ts';
export { REFUSALS } from './refusal-help.ts';
export { refusalAdvice, refusalText } from './refusal-text.ts';
export {
  type DemoteClusterRequest,
  demoteClusterRequest,
  promoteClusterRequest,
} from './remote-requests.ts';
export { positionToken } from './remote-text.ts';
export {
  type CreateClusterRequest,
  createClusterRequest,
  type EventsQuery,
  eventsQuery,
  type FailoverRequest,
  failoverRequest,
  failoversQuery,
  maintenanceRequest,
  requestProblem,
  type SwitchoverRequest,
  switchoverRequest,
} from './requests.ts';
export { restartRequest } from './restart-requests.ts';
export {
  type ClusterView,
  type ControllerView,
  clusterView,
  type ExplainAnswer,
  explainAnswer,
  type InstanceState,
  type InstanceView,
  type OrderAnswer,
  orderAnswer,
  type StatusAnswer,
  statusAnswer,
} from './status.ts';
export { clusterViewOf, stateOf } from './view-of.ts';
