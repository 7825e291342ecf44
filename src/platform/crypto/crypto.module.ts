import { type DynamicModule, Global, Module } from '@nestjs/common';

import { InstallationCanary } from './installation-canary.js';
import { Pepper } from './pepper.js';
import { RootKey } from './root-key.js';

@Global()
@Module({})
export class CryptoModule {
  static forRoot(rootKey: RootKey): DynamicModule {
    return {
      module: CryptoModule,
      providers: [
        InstallationCanary,
        { provide: RootKey, useValue: rootKey },
        { provide: Pepper, useFactory: () => new Pepper(rootKey) },
      ],
      exports: [InstallationCanary, RootKey, Pepper],
    };
  }
}
