// The module of the application, with the client of all modules. Next: shop.controller.ts.
import { Module } from '@nestjs/common';
import { AnalyticsModule } from '@offthread/sdk/nestjs';
import type { Request } from 'express';
import { ShopController } from './shop.controller.js';

const { WRITE_KEY } = process.env;
// Without a write key to `npm run listen`, on this machine.
const { ANALYTICS_HOST = WRITE_KEY ? undefined : 'http://127.0.0.1:4319' } = process.env;

@Module({
  imports: [
    AnalyticsModule.forRoot({
      writeKey: WRITE_KEY ?? 'local',
      host: ANALYTICS_HOST,
      identify: ({ res }: Request) => ({
        userId: res?.locals['userId'],
        anonymousId: res?.locals['visitorId'],
      }),
    }),
  ],
  controllers: [ShopController],
})
export class AppModule {}
