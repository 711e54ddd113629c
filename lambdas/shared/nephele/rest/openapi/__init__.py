"""What FastAPI cannot see of the routes: shapes of bodies and answers, media types, errors."""
