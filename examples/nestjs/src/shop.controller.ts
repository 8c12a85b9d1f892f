// The two routes.
import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, Post, Res, UseGuards } from '@nestjs/common';
import { RequestAnalytics } from '@offthread/sdk/nestjs';
import type { Response } from 'express';
import { VisitorGuard } from './visitor.guard.js';

class SignUp {
  readonly email!: string;
}

@Controller()
@UseGuards(VisitorGuard)
export class ShopController {
  @Get()
  home(@RequestAnalytics() analytics: RequestAnalytics): object {
    analytics.page({ name: 'Home' });
    return { hello: 'world' };
  }

  @Post('sign-up')
  signUp(
    @Body() { email }: SignUp,
    @RequestAnalytics() analytics: RequestAnalytics,
    @Res({ passthrough: true }) response: Response,
  ): object {
    const userId = randomUUID();
    response.locals['userId'] = userId;
    // From here on events have both ids, which ties the visitor to the user.
    analytics.identify({ traits: { email } });
    analytics.track({ event: 'Signed Up' });
    return { userId };
  }
}
