import { AppError } from '#common/errors/app-error.js';

const SANDBOX_PREFIX = 'sandbox/';
/** Means "choose for me". */
const AUTO_MODEL = 'auto';

/**
 * Names with a meaning of their own can't be routed, or what a caller gets would depend on who asks.
 * @throws {AppError} `invalid_request` naming `model`
 */
export function refuseReservedModel(model: string): void {
  if (model !== AUTO_MODEL && !model.toLowerCase().startsWith(SANDBOX_PREFIX)) return;
  throw new AppError('invalid_request', {
    message: `The model name ${AUTO_MODEL} and names that begin with ${SANDBOX_PREFIX} are built in. Choose another.`,
    param: 'model',
  });
}
