import { type Allowance, isShortLived } from '../domain/allowance.js';
import type { AllowanceStore } from './allowance-store.port.js';

/** Which store an allowance is in. */
export class AllowanceStores {
  /**
   * @param lasting keeps what it was told
   * @param quick may lose it; the same one, where there is no other
   */
  constructor(
    readonly lasting: AllowanceStore,
    readonly quick: AllowanceStore = lasting,
  ) {}

  get all(): AllowanceStore[] {
    return [...new Set([this.lasting, this.quick])];
  }

  of(allowance: Allowance): AllowanceStore {
    return isShortLived(allowance) ? this.quick : this.lasting;
  }
}
