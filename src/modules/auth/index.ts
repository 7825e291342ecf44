export { AuthModule } from './auth.module.js';
export { NoncesModule } from './nonces/nonces.module.js';
