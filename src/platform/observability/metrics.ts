/** DI token of the process's prom-client `Registry`. */
export const METRICS = Symbol('metrics');
