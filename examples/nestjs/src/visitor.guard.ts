// Recognizes visitors by a cookie. Who it is may take a query to find out, so a guard does, and `identify` of
// app.module.ts reads what it found.
import { randomUUID } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';

@Injectable()
export class VisitorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const known = /(?:^|; )visitor=([\w-]{1,100})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1];
    const visitorId = known ?? randomUUID();
    response.locals['visitorId'] = visitorId;
    if (!known) response.cookie('visitor', visitorId, { httpOnly: true, sameSite: 'lax' });
    return true;
  }
}
