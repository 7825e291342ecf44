import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { OrganizationsModule } from '#modules/organizations/index.js';

import { CatalogLock } from './catalog-lock.js';
import { FirstBootProviders } from './first-boot-providers.port.js';
import { ModelsController } from './models/models.controller.js';
import { ReadModelsService } from './models/read-models.service.js';
import { ChangeProviderService } from './providers/change-provider.service.js';
import { CreateProviderService } from './providers/create-provider.service.js';
import { DeleteProviderService } from './providers/delete-provider.service.js';
import { FirstBootProvidersService } from './providers/first-boot-providers.service.js';
import { ProviderCredentials } from './providers/provider-credentials.js';
import { ProviderEntity } from './providers/provider.entity.js';
import { ProviderFinderService } from './providers/provider-finder.service.js';
import { ProviderRepository } from './providers/provider.repository.js';
import { ProvidersController } from './providers/providers.controller.js';
import { ReadProvidersService } from './providers/read-providers.service.js';
import { RecordCatalogChange } from './record-catalog-change.js';
import { RouteDirectory } from './route-directory.port.js';
import { ChangeRouteService } from './routes/change-route.service.js';
import { CreateRouteService } from './routes/create-route.service.js';
import { DeleteRouteService } from './routes/delete-route.service.js';
import { ReadRoutesService } from './routes/read-routes.service.js';
import { RouteDirectoryService } from './routes/route-directory.service.js';
import { RouteEntity } from './routes/route.entity.js';
import { RouteRepository } from './routes/route.repository.js';
import { RoutesController } from './routes/routes.controller.js';
import { loadShippedCatalog, ShippedCatalog } from './shipped/shipped-catalog.js';

@Module({
  imports: [TypeOrmModule.forFeature([ProviderEntity, RouteEntity]), OrganizationsModule],
  controllers: [ProvidersController, RoutesController, ModelsController],
  providers: [
    CatalogLock,
    ProviderRepository,
    ProviderCredentials,
    ProviderFinderService,
    CreateProviderService,
    ReadProvidersService,
    ChangeProviderService,
    DeleteProviderService,
    RouteRepository,
    CreateRouteService,
    ReadRoutesService,
    ChangeRouteService,
    DeleteRouteService,
    ReadModelsService,
    RecordCatalogChange,
    { provide: ShippedCatalog, useFactory: loadShippedCatalog },
    { provide: RouteDirectory, useClass: RouteDirectoryService },
    { provide: FirstBootProviders, useClass: FirstBootProvidersService },
  ],
  exports: [RouteDirectory, FirstBootProviders],
})
export class CatalogModule {}
