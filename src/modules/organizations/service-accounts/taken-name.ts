import { refuseDuplicate } from '#platform/database/refuse-duplicate.js';

/** @throws {AppError} `conflict` */
export function refuseTakenName<T>(name: string, write: () => Promise<T>): Promise<T> {
  const refusal = { message: `There is a service account named ${name} already.`, param: 'name' };
  return refuseDuplicate('service_accounts_name_key', refusal, write);
}
