export { describeError, type ErrorDescription } from './describe-error.ts';
export { createLogger, type LogFields, type Logger, type LoggerOptions } from './logger.ts';
export { METRICS } from './metric-table.ts';
export { type MetricLabels, type MetricName, Metrics } from './metrics.ts';
export { type NestLogger, nestLogger } from './nest-logger.ts';
export { watchProcess } from './process-metrics.ts';
