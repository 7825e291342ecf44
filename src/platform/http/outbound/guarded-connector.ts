import { buildConnector } from 'undici';

import { toError } from '#common/errors/to-error.js';

import { guardedLookup, refuseLiteral } from './private-address.js';

/**
 * Connects to public addresses only. The address that is connected to is the one that was checked, so a name that
 * changes its answer in between (DNS rebinding) gains nothing.
 */
export function guardedConnector(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, keepAlive: true, lookup: guardedLookup });
  return (options, callback) => {
    try {
      refuseLiteral(options.hostname);
    } catch (error) {
      callback(toError(error), null);
      return;
    }
    connect(options, callback);
  };
}
