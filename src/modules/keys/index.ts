export { authorize } from './domain/authorize.js';
export { BootstrapMasterKey } from './bootstrap-master-key.port.js';
export type { KeyView } from './domain/key-view.js';
export { KeyDirectory } from './key-directory.port.js';
export { KeysModule } from './keys.module.js';
export { PresentedKey } from './domain/presented-key.js';
