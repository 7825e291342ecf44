/** The same idempotency key stands for another transfer already. A mistake in the program: keys are made by it. */
export class TransferConflictError extends Error {
  constructor(idempotencyKey: string) {
    super(`The idempotency key ${idempotencyKey} stands for another transfer.`);
    this.name = 'TransferConflictError';
  }
}
