from funcgrad.scipy.integrate.ode import solve_ivp as solve_ivp
